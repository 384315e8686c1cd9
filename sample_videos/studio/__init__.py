"""A small ray tracer for the sample clips: rooms made of boxes, people made of signed distance fields."""
