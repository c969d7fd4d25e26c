"""A small live fleet: real llama.cpp servers behind a gateway that moves sessions between them.

From Python (`Fleet` and `FleetOptions` are in `examples.fleet.fleet`, load in `examples.fleet.load`):

    async with Fleet(FleetOptions(state_dir=folder)) as fleet, fleet.client() as client:
        async for event in client.events("pack my box", 100):
            ...

From a shell: `python -m examples.fleet up --dir STATE`. The gateway's interface: docs/fleet-api.md.
Nothing is imported here: every replica's process would pay for it.
"""
