"""Models: cards, the store of weights, and heads that turn network outputs into detections."""
