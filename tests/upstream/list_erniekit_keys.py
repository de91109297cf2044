"""Print every key of ERNIEKit's training file, in its own environment:

.venv/erniekit/bin/python tests/upstream/list_erniekit_keys.py > tests/upstream/erniekit_keys.txt

Version 1.0.1 as installed; the last line adds the keys of official recipes for mixtures and images,
which need ERNIEKit's source checkout.
"""

from __future__ import annotations

import dataclasses

from erniekit.hparams import parser

SOURCE_CHECKOUT = (
    "use_moe multimodal moe_multimodal_dispatch_use_allgather freeze_config pp_need_data "
    "pp_need_data_degree pre_alloc_memory pad_to_max_seqlen"
)
if __name__ == "__main__":
    names = {field.name for section in parser._TRAIN_ARGS for field in dataclasses.fields(section)}
    print("\n".join(sorted(names)))
    print("\n".join(SOURCE_CHECKOUT.split()))
