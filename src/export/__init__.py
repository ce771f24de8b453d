"""MindIR, AIR, ONNX, MindSpore Lite, and what the C++ program needs."""
