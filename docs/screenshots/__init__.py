"""The pictures of the README and the documentation, made from the committed results.

    python docs/screenshots [NAMES]

makes those that are old, or those named, as `docs/images/NAME.png`. It needs Chromium and playwright; for pictures of
MLflow it starts a server. `docs/images/made-from.json` has a digest of what each picture shows, which a test compares.
"""
