"""From demand to plans: folds what happened, decides what to plan again, calls the optimiser, sends plans."""
