"""The model files of the ID-card pipeline, by name."""

from __future__ import annotations

from pipelines.weights import WheelFile

_V3 = ("rapidocr-onnxruntime", "1.2.3")
_V6 = ("rapidocr", "3.10.0")

MODELS = {
    "v3det": WheelFile(
        *_V3,
        "rapidocr_onnxruntime/models/ch_PP-OCRv3_det_infer.onnx",
        "3439588c030faea393a54515f51e983d8e155b19a2e8aba7891934c1cf0de526",
    ),
    "v3rec": WheelFile(
        *_V3,
        "rapidocr_onnxruntime/models/ch_PP-OCRv3_rec_infer.onnx",
        "897a3ededb38fee0dae2c1ccee38241f37df202c9509e3abca02e9217c5ee615",
    ),
    "v6det": WheelFile(
        *_V6,
        "rapidocr/models/PP-OCRv6_det_small.onnx",
        "090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f",
    ),
    "v6rec": WheelFile(
        *_V6,
        "rapidocr/models/PP-OCRv6_rec_small.onnx",
        "6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884",
    ),
}
