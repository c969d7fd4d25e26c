"""What is checked of a plan, one module per question; `dag.checks` asks them all."""
