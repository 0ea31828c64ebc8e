"""The mastering chain, its differentiable twin and the fit that sets it."""
