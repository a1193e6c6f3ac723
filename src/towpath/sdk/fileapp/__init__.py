"""Files as records: any server of files becomes an application that reads and writes CSV, JSON, XML, XLSX.

A connector brings a `Folder`, its settings, and what it calls a folder (directory, bucket).
"""

from towpath.sdk.fileapp.application import FileApplication
from towpath.sdk.fileapp.folder import Check, Entry, Folder
from towpath.sdk.fileapp.reading import FileReading
from towpath.sdk.fileapp.writing import FileWriting

__all__ = ["Check", "Entry", "FileApplication", "FileReading", "FileWriting", "Folder"]
