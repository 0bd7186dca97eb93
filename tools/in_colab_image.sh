#!/bin/bash
# Runs inside the image that Colab publishes (see .github/workflows/colab.yml): every chapter, alone in an empty
# folder, its first cell fetching the package. The address is turned to the copy mounted at /book, so that what
# is tested is this commit.
set -euo pipefail
git config --global --add safe.directory '*'
git clone --quiet /book /tmp/origin
git config --global "url.file:///tmp/origin.insteadOf" "$(python3 /book/tools/address.py)"
python3 -c 'import sys, numpy, torch; print("Python", sys.version.split()[0], "numpy", numpy.__version__, "torch", torch.__version__)'
failed=0
for chapter in /tmp/origin/chapters/*.ipynb; do
  name=$(basename "$chapter" .ipynb)
  mkdir -p "/tmp/run/$name"
  cp "$chapter" "/tmp/run/$name/"
  started=$SECONDS
  if (cd "/tmp/run/$name" && jupyter nbconvert --to notebook --execute --ExecutePreprocessor.timeout=600 \
      --output "ran-$name" "$name.ipynb" >"$name.log" 2>&1); then
    echo "$name: $((SECONDS - started)) s"
  else
    failed=1
    echo "$name failed:"
    tail -40 "/tmp/run/$name/$name.log"
  fi
done
exit "$failed"
