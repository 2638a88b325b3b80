"""What a process takes of the machine, and when it gives it back.

==========  ==================================================================
module      concept
==========  ==================================================================
resources   a device, and a number of bytes, from what a user wrote
threads     one thread or all of torch's: whichever has been faster of late
freed       what the C library does with memory that was freed
collecting  Python's cycle collector, paused where it would find nothing
==========  ==================================================================
"""
