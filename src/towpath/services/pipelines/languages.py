"""The languages in a step, compiled when it is written: who makes a mistake hears of it at once."""

from collections.abc import Callable, Mapping
from typing import Any

from towpath.core.pipelines import Pipeline, Processor
from towpath.core.steps import PageRead, RecordWrite
from towpath.services.pipelines.faults import Faults


def check_read(read: PageRead, faults: Faults) -> None:
    """Compile what an export says."""
    _check(faults, "transform", _transform, read.transform)
    _check(faults, "filter", _filter, read.filter)
    _check(faults, "inputFilter", _filter, read.input_filter)
    _templates(faults, read)


def check_write(write: RecordWrite, faults: Faults) -> None:
    """Compile what an import says."""
    from towpath.dataplane.mapping1 import compile_mapping
    from towpath.dataplane.mapping2 import compile_mappings

    _check(faults, "filter", _filter, write.filter)
    _check(faults, "responseTransform", _transform, write.transform)
    lookups = [dict(lookup) for lookup in write.lookups]
    _check(faults, "mapping", lambda found: compile_mapping(found, lookups), write.mapping)
    _check(faults, "mappings", lambda found: compile_mappings(list(found), lookups), write.mappings)
    _templates(faults, write)
    with faults.part("idLockTemplate"):
        _template(write.id_lock)


def check_pipeline(pipeline: Pipeline, faults: Faults) -> None:
    """Compile what a flow says."""
    for number, processor in enumerate(pipeline.processors):
        _check_processor(processor, f"pageProcessors[{number}]", faults)
    for place, router in enumerate(pipeline.routers):
        for which, branch in enumerate(router.branches):
            root = f"routers[{place}].branches[{which}]"
            _check(faults, f"{root}.inputFilter", _filter, branch.filter)
            for number, processor in enumerate(branch.processors):
                _check_processor(processor, f"{root}.pageProcessors[{number}]", faults)


def _check_processor(processor: Processor, root: str, faults: Faults) -> None:
    from towpath.dataplane.responses import compile_response_mapping

    _check(faults, f"{root}.responseMapping", compile_response_mapping, processor.response)


def _check(faults: Faults, root: str, compile: Callable[[Any], object], document: Any) -> None:
    if document is not None:
        with faults.part(root):
            compile(document)


def _filter(document: Mapping[str, Any]) -> None:
    from towpath.dataplane.filters import compile_filter, script_of

    if script_of(document) is None:
        compile_filter(document)


def _transform(document: Mapping[str, Any]) -> None:
    from towpath.dataplane.filters import script_of
    from towpath.dataplane.transforms import compile_transform

    if script_of(document) is None:
        compile_transform(document)


def _templates(faults: Faults, step: PageRead | RecordWrite) -> None:
    for field, text in (("traceKeyTemplate", step.trace_key), ("dataURITemplate", step.data_uri)):
        with faults.part(field):
            _template(text)


def _template(text: str | None) -> None:
    from towpath.dataplane.templates import compile_template

    if text is not None:
        compile_template(text)
