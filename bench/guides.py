"""A guide that several measurements share."""

ASK = """---
title: Ask a person
alerts: [Hot]
---
# Ask a person

## Look by hand

By hand: walk to the rack and look at the lamp.

## Resolved

It is well.
"""  # it parks: its runs stay open for further alerts
