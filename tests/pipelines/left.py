"""The name of a file that `pipelines.files` leaves where its process is killed."""

LEFT = ".0123456789abcdef.part"
