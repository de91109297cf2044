"""What PaddleFormers and ERNIEKit themselves make of data files: their readers, their trainers."""
