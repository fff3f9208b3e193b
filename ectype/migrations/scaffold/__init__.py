"""From a catalogue to the Python text of its schemas: names, types, associations, text. Pure: it reads no database."""
