"""Jobs: flows of one source and one destination, as a project shows them."""

import time
from collections.abc import Sequence
from contextlib import suppress

from towpath.core.errors import ConfigError, ConflictError, NotFoundError
from towpath.core.records import Connection, Project, Run
from towpath.services.context import UseCases
from towpath.services.flows import Flows
from towpath.services.jobs.ends import Ends
from towpath.services.jobs.rows import End, Job, JobSpec, jobs, one, unfinished
from towpath.services.numbering import Kind, Numbering
from towpath.services.projects import visible
from towpath.services.runs import Runs
from towpath.services.workspace.uses import Role
from towpath.services.workspace.workspace import Workspace

__all__ = ["End", "Job", "JobSpec", "Jobs"]

#: How long `Jobs.delete` waits for the end of the runs that it cancelled, in seconds, and how often it looks.
PATIENCE, PAUSE = 5.0, 0.1


class Jobs(UseCases):
    """The use cases of jobs. A job is any flow with one export and one import, however it was made, that the
    project shows: its own, or the whole organization's. Every other one is a `NotFoundError`.
    """

    def create(self, org: str, project: Project, spec: JobSpec) -> Job:
        """Make the job with the connections that are new: all of it or nothing.

        Raises `ConfigError` naming the field, `ConflictError` for a name that is taken.
        """
        with self.sealing() as work:
            wanted = Ends(self.rooms, self.actor).wanted(work, org, project, spec)
            flow = Flows(self.rooms, self.actor).create_in(
                work, org, spec.name, wanted, project=project.id, metadata=spec.metadata
            )
            return one(work, org, project, flow.id)

    def list(
        self, org: str, project: Project, *, source: str | None = None, destination: str | None = None
    ) -> Sequence[Job]:
        """The oldest first; only those of the connections with these ids, where they are given."""
        with self.rooms.store.read() as work:
            found = jobs(work, org, project, work.flows.list(org, project=visible(project)))
        return [
            job
            for job in found
            if source in (None, job.source.id) and destination in (None, job.destination.id)
        ]

    def get(self, org: str, project: Project, id: str) -> Job:
        with self.rooms.store.read() as work:
            return one(work, org, project, id)

    def find(self, org: str, project: Project, number: int) -> Job:
        """The job that is called by this number."""
        return self.get(org, project, Numbering(self.rooms).id(org, Kind.FLOW, number))

    def end(self, org: str, project: Project, role: Role, number: int) -> Connection:
        """The source or destination that is called by this number. Raises `ConfigError`
        (``connection.unknown``).
        """
        try:
            with self.rooms.store.read() as work:
                return Workspace(self.rooms, self.actor).find_in(work, org, project, role, number)
        except NotFoundError:
            raise ConfigError(
                "connection.unknown",
                f"The project has no {role} {number}.",
                hint=f"List the {role}s, or leave the id out to make a new one.",
                field=f"{role}.id",
            ) from None

    def update(self, org: str, project: Project, id: str, spec: JobSpec, clear: Sequence[str] = ()) -> Job:
        """Make the job so, and end its syncs. The streams in ``clear`` are emptied then, to be read again.

        Clears that were asked for before go on: what they are to empty is wrong without them, too.
        """
        with self.sealing() as work:
            # A change of nothing: who changes or deletes the job at the same moment waits here.
            work.flows.update(org, id)
            job = one(work, org, project, id)
            wanted = Ends(self.rooms, self.actor).wanted(work, org, project, spec, job)
            flow = Flows(self.rooms, self.actor).update_in(
                work, org, job.flow, wanted, name=spec.name, metadata={**job.flow.metadata, **spec.metadata}
            )
            # With the change or not at all: there is no moment in which old data would pass for new.
            clearing = Runs(self.rooms, self.actor).clear_in(work, org, flow, clear) if clear else None
            changed = one(work, org, project, id)
        self._halt(org, id, clears=False)
        if clearing:
            self.rooms.engine.submit(clearing)
        return changed

    def activate(self, org: str, project: Project, id: str, *, enabled: bool) -> Job:
        """Let its schedule start it, or not; one that is off cannot be synced by hand either."""
        job = self.get(org, project, id)
        Flows(self.rooms, self.actor).enable(org, job.flow.id, enabled=enabled)
        return self.get(org, project, id)

    def delete(self, org: str, project: Project, id: str) -> Job:
        """Cancel its runs, wait some seconds for their end, and remove it with its history.

        Its connections stay. Raises `ConflictError` (``flow.in_use``) if a run does not end in time.
        """
        job = self.get(org, project, id)
        self._halt(org, id)
        self._wait(org, id)
        Flows(self.rooms, self.actor).delete(org, job.flow.id)
        return job

    def sync(self, org: str, project: Project, id: str) -> Run:
        """Queue a run. Raises `ConflictError` (``job.paused``) for a job that is off."""
        job = self.get(org, project, id)
        if not job.flow.enabled:
            raise ConflictError(
                "job.paused",
                f"The job {job.flow.name!r} is paused.",
                hint="Activate it, and sync it then.",
                job=job.flow.name,
            )
        return Runs(self.rooms, self.actor).start(org, id)

    def cancel(self, org: str, project: Project, id: str) -> Sequence[Run]:
        """Ask for the end of all its runs that have not ended. Raises `ConflictError` (``job.idle``) if there
        are none.
        """
        job = self.get(org, project, id)
        cancelled = self._halt(org, id)
        if not cancelled:
            raise ConflictError(
                "job.idle",
                f"The job {job.flow.name!r} is not running.",
                hint="There is nothing to cancel.",
                job=job.flow.name,
            )
        return cancelled

    def clear(self, org: str, project: Project, id: str) -> Run:
        """Queue a run that empties what the job has written, and forgets where it was."""
        job = self.get(org, project, id)
        return Runs(self.rooms, self.actor).clear(org, job.flow.id)

    def clearing(self, org: str, project: Project, id: str) -> bool:
        """Whether such a run has not ended yet."""
        with self.rooms.store.read() as work:
            job = one(work, org, project, id)
            return any(run.clear for run in unfinished(work, org, job.flow.id))

    def _halt(self, org: str, flow: str, *, clears: bool = True) -> Sequence[Run]:
        """Ask for the end of every run of the flow, or of all but its clears; those that were asked."""
        with self.rooms.store.read() as work:
            # The newest first: none of those that wait begins when the one that runs has ended.
            running = [run for run in unfinished(work, org, flow) if clears or not run.clear]
        asked = []
        for run in running:
            # One that has ended meanwhile needs no more.
            with suppress(ConflictError):
                asked.append(Runs(self.rooms, self.actor).cancel(org, run.id))
        return asked

    def _wait(self, org: str, flow: str) -> None:
        """Until no run of the flow is under way, or the patience ends."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with self.rooms.store.read() as work:
                if not unfinished(work, org, flow):
                    return
            time.sleep(PAUSE)
