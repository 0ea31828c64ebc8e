"""What a mastering model learns from: songs, degradations and pairs made of them."""
