"""What people meet the program with: their shells, the manual, a terminal."""

from shells import completions, manual, progress

TOPICS = {"completions": completions, "manual": manual, "progress": progress}
