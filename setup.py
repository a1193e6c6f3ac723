"""Builds the compiled wire decoders. Where that is not possible the package works without them."""

from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

SOURCES = sorted(Path("src").glob("towpath/connectors/*/*.pyx"))


def extension(path: Path) -> Extension:
    """One module; it is built anew when any C header or declaration beside it changes."""
    name = ".".join(path.relative_to("src").with_suffix("").parts)
    beside = [str(other) for pattern in ("*.h", "*.pxd") for other in path.parent.glob(pattern)]
    return Extension(name, [str(path)], depends=beside, extra_compile_args=["-O3"], optional=True)


setup(ext_modules=cythonize([extension(path) for path in SOURCES], language_level=3))
