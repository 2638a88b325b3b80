"""Where the networks of a generation are made and scored.

==========  ================================================================================
module      concept
==========  ================================================================================
base        `Engine`: who scores nodes, and `Job`: what is asked of it
scoring     nodes to rows to networks to scores, in one process: `Scorer`
keeping     `Keeper`: made weights that stay in memory, counted against a budget
families    children of low rank of one base, scored without making their weights
serial      `SerialEngine`: this process
errands     `Errands`: workers as an executor of any calls, such as trainings
remote      `RemoteEngine`: workers, whoever they are
waiting     which individuals wait, cut into tasks, tried again when they were lost
orders      the tasks of a call, and what they need
sending     how an evaluator and its state reach a worker
shipping    how the weights of live parents do
packing     nodes as arrays; `pickling`: what a script defines
messages    tasks and replies
bench       what a worker does with a task
crew        `Crew`: workers that take tasks
processes   worker processes; ``worker`` is what runs in them, ``pool`` the memory they share
actors      actors of a Ray cluster
executors   workers of any `concurrent.futures.Executor`
faults      fitness that cannot be used, and what is written down about it
choosing    which engine, by name
==========  ================================================================================
"""
