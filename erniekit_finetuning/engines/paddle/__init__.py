"""The default engine: PaddlePaddle with PaddleFormers' ERNIE-4.5 and LoRA, on CPU and GPU."""
