"""The AsymFormer network in PyTorch, nothing else.

Du et al., "AsymFormer: Asymmetrical Cross-Modal Representation Learning for Mobile Platform
Real-Time RGB-D Semantic Segmentation", arXiv:2309.14065. Where the paper and the released weights
disagree the weights win; each such place says so. Attributes carry the names of the official
checkpoint, so that a state dict is loaded as it is.
"""
