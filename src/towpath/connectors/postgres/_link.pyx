# cython: boundscheck=False, wraparound=False, cdivision=True
"""Brings the messages of a COPY from libpq to the decoder, without the GIL and without a Python object per row."""

from libc.errno cimport EINTR, errno
from libc.stdint cimport uint8_t, uintptr_t

from towpath.connectors.postgres._decode cimport Decoder

cdef extern from "<poll.h>" nogil:
    struct pollfd:
        int fd
        short events
    int POLLIN
    int poll(pollfd*, unsigned long, int)

cdef extern from "Python.h":
    int PyErr_CheckSignals() except -1

ctypedef int (*get_copy_data)(void*, char**, int) noexcept nogil
ctypedef int (*consume_input)(void*) noexcept nogil
ctypedef void (*free_memory)(void*) noexcept nogil


cdef class Link:
    """A libpq connection in the middle of COPY … TO STDOUT, and libpq's functions to read from it.

    All but ``blocking`` are addresses, and the file descriptor of the socket. Blocking (which TLS needs:
    libpq holds bytes that `poll` knows nothing of) means that no signal is heard while the server is silent.
    """

    cdef void* connection
    cdef get_copy_data get
    cdef consume_input consume
    cdef free_memory drop
    cdef int socket
    cdef bint blocking
    cdef char* message
    cdef size_t size, used

    def __cinit__(self, *, uintptr_t connection, uintptr_t get, uintptr_t consume, uintptr_t free, int socket,
                  bint blocking):
        self.connection = <void*>connection
        self.get = <get_copy_data>get
        self.consume = <consume_input>consume
        self.drop = <free_memory>free
        self.socket, self.blocking = socket, blocking

    def __dealloc__(self):
        if self.message != NULL:
            self.drop(self.message)

    cdef int wait(self) except -1 nogil:
        """Until bytes have come and libpq has read them: 0 if the connection is lost."""
        cdef pollfd waiting
        cdef int ready = 0
        waiting.fd, waiting.events = self.socket, POLLIN
        while ready == 0 or (ready < 0 and errno == EINTR):
            with gil:
                PyErr_CheckSignals()
            ready = poll(&waiting, 1, 200)
        return self.consume(self.connection)

    cdef int next(self) except -3 nogil:
        """Go on to the next message: positive if there is one, -1 at the end of the COPY, -2 if it failed."""
        cdef int size = 0
        if self.message != NULL:
            self.drop(self.message)
            self.message = NULL
        while size == 0:
            size = self.get(self.connection, &self.message, self.blocking == 0)
            if size == 0 and self.wait() == 0:
                return -2
        self.size, self.used = <size_t>max(size, 0), 0
        return size

    def drain(self, Decoder decoder not None):
        """Feed the decoder until its batch is full (returns True) or the COPY has ended (False).

        At the end libpq is to be asked for the outcome: the COPY may have failed. Raises `DecodeError`.
        """
        cdef int size = 1
        with nogil:
            while size > 0 and not decoder.status and not decoder.is_full():
                if self.used < self.size:
                    self.used += decoder.feed_bytes(
                        <const uint8_t*>self.message + self.used, self.size - self.used
                    )
                else:
                    size = self.next()
        if decoder.status:
            raise decoder.error()
        return size > 0
