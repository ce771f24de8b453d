"""Drawing of detections, and the style of plots."""
