"""One run over one video: source -> letterbox -> stream -> head -> draw -> sink -> rows.

`skipvid.pipeline.process.run` does it for the command line and for anything else that processes a video.
"""
