"""Guides as people write them, without a word for stepfleet: structure, conditions and risk out of plain Markdown.

In the order of the data:

sections   what a heading makes of its text: background, causes, procedure
speech     what a sentence asks for, and under which condition
units      the text into pieces that one person carries out in one go: section by section (reader), by what stands
           in it (paragraphs, items, rows, code_reader, split), into one state (reading), seen as a whole (decisions)
marked     what the author's marks say
nature     what a piece does: query, action, check, manual; its risk
values     the names it takes and gives
ways_out   where sentences lead; dispatch: where tables send the reader
wiring     the edges between the pieces
"""
