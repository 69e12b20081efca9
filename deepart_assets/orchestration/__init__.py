"""How stages become Dagster assets.

Belongs here: everything that knows Dagster but not what a stage does: asset factories, events,
metadata, resources, partitions, jobs, executors. Does not belong here: the pipeline (`assets`) and
the methods (the domain packages, which never import Dagster).
"""

import warnings

from dagster import BetaWarning, PreviewWarning

# The version of Dagster is pinned; the beta parameters used here are covered by tests.
warnings.filterwarnings("ignore", category=BetaWarning)
warnings.filterwarnings("ignore", category=PreviewWarning)
