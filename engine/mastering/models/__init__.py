"""The trained part: encoders, decoders and the residual network, and the bundles they come in."""
