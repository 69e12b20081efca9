"""How stages become Dagster assets: decorators, staleness, batches, plans, events and executors."""

import warnings

from dagster import BetaWarning, PreviewWarning

# The version of Dagster is pinned; the beta parameters used here are covered by tests.
warnings.filterwarnings("ignore", category=BetaWarning)
warnings.filterwarnings("ignore", category=PreviewWarning)
