"""Options that several commands take alike: where networks are scored, and how."""

import click

device = click.option(
    "--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:1."
)
memory = click.option("--memory", help='Bytes for weights, such as "4GB"; half of what is free.')
precision = click.option(
    "--precision",
    type=click.Choice(["float32", "bfloat16"]),
    default="float32",
    show_default=True,
    help="What products are computed in; bfloat16 is faster where the processor has it.",
)
