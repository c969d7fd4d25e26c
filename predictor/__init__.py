"""Interference prediction: what the neighbours on a machine will do to a workload placed there.

This room is empty so far: it fixes the name and the direction of imports (it may import
`telemetry` only), and nothing in the product calls it. torch is installed with the
`predictor` extra and is imported nowhere else.
"""
