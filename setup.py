"""Builds the compiled wire decoders. Where that is not possible the package works without them."""

from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

SOURCES = sorted(Path("src").glob("towpath/connectors/*/*.pyx"))


def module_name(path: Path) -> str:
    return ".".join(path.relative_to("src").with_suffix("").parts)


setup(
    ext_modules=cythonize(
        [
            Extension(module_name(path), [str(path)], extra_compile_args=["-O3"], optional=True)
            for path in SOURCES
        ],
        language_level=3,
    )
)
