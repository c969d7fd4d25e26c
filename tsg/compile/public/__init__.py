"""Guides as people write them, without a word for stepfleet: structure, conditions and risk out of plain Markdown.

sections   what a heading makes of its text: background, causes, procedure
speech     what a sentence asks for, and under which condition
units      the text between headings into pieces that one person carries out in one go
nature     what a piece does: query, action, check, manual; its risk
values     the names it takes and gives
wiring     the edges between the pieces
"""
