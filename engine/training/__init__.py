"""What every trained model shares: recipe, loop, run folder, checkpoints, bundle."""
