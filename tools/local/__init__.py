"""The local cluster: stages as supervised processes on this machine, behind the ports of a real one.

    supervisor    a process of its own: starts, watches, rolls out, restarts; keeps the files of `layout`
    cluster       what a controller holds: says what is wanted, and reads the metrics from Prometheus

The supervisor outlives the controller, as a cluster does. Both only share a folder.
"""
