"""What all tests share: no result of an earlier run, no setting of the shell that started them."""

import os

from hypothesis import settings

# A result kept from another run would hide a change; a seed or folder from outside would test another book.
for _name in ("DROPOUT_UTILS_SEED", "DROPOUT_UTILS_CLAIMS", "DROPOUT_UTILS_STATIC", "DROPOUT_UTILS_QUIET"):
    os.environ.pop(_name, None)
os.environ["DROPOUT_UTILS_CACHE"] = "off"

# A busy machine is no bug: laws are about values, not about milliseconds.
settings.register_profile("house", deadline=None, print_blob=True)
settings.load_profile("house")
