"""An inventory of the Python environment that it runs in: ectype's main job on real input."""
