"""What connectors of files have in common: places, names, manifests, two-phase commits, slices of files.

A connector brings a `format.Format` (how one file is written and read) and gets
`destination.FilesDestination` and `source.FilesSource` for it. The layout under the configured path, for a
target named ``orders``::

    orders/                              what everybody sees: whole commits only
        s0000-5f2c….parquet              data files; `col=value/` folders above them if partitioned
        _manifest/000007.json            the truth: live files, schema, keys, checkpoints
    _towpath/orders/                     ours, nothing in it matches ``*.parquet``
        staging/<stream>/<run>/….part    what runs have written and not committed
        old/<number>-<time>/….old        what the last commits retired, for readers in flight
"""
