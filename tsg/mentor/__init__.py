"""The Mentor: what a guide's reader would stumble over, found without running anything."""
