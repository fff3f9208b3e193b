"""How fast ectype is, measured against the bare drivers and the peers in one interleaved run."""
