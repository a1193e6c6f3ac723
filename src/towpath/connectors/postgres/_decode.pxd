from libc.stdint cimport uint8_t, uint64_t

from towpath.connectors.postgres._columns cimport Column


cdef class Decoder:
    cdef Column* columns
    cdef int width
    cdef object schema
    cdef readonly size_t rows
    cdef size_t max_rows, max_bytes, bytes, slots
    cdef bint closed, begun, done
    cdef uint8_t* carry   # a row of which only the beginning has come
    cdef size_t carried, carry_capacity, need
    cdef uint64_t position, before
    cdef int status, column
    cdef uint64_t offset

    cdef object error(self)
    cdef bint is_full(self) noexcept nogil
    cdef size_t feed_bytes(self, const uint8_t* at, size_t size) noexcept nogil
    cdef void keep(self, const uint8_t* at, size_t size) noexcept nogil
    cdef void drop(self, size_t used) noexcept nogil
    cdef size_t parse(self, const uint8_t* at, size_t size) noexcept nogil
    cdef size_t header(self, const uint8_t* at, size_t size) noexcept nogil
    cdef size_t row(self, const uint8_t* at, size_t size) noexcept nogil
    cdef int values(self, const uint8_t* at, size_t size) noexcept nogil
    cdef int grow(self) noexcept nogil
