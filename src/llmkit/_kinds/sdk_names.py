"""The openai SDK's names for a client's calls: ``client.images.generate`` and its kin. Nothing happens here.

Each name has a twin for async code, with an ``a`` before it. ``client.responses`` and ``client.messages`` are calls as
well as names: they are where those calls are.
"""

from __future__ import annotations

from .audio import AudioCalls
from .batches import BatchCalls
from .chat import ChatCalls
from .embedding import EmbeddingCalls
from .files import FileCalls
from .image import ImageCalls
from .models import ModelCalls
from .moderation import ModerationCalls
from .text import TextCalls

__all__ = ["SDKNames"]

# All are made anew each time: kept, they would be cycles, and a client would not be freed when it is let go.


class SDKNames(
    ChatCalls,
    EmbeddingCalls,
    AudioCalls,
    BatchCalls,
    FileCalls,
    ImageCalls,
    ModelCalls,
    ModerationCalls,
    TextCalls,
):
    """A client's calls under the openai SDK's names."""

    @property
    def chat(self) -> _Chat:
        """``client.chat.completions.create(…)``: ``completion``."""
        return _Chat(self)

    @property
    def completions(self) -> _Completions:
        """``client.completions.create(…)``: ``text_completion``."""
        return _Completions(self)

    @property
    def embeddings(self) -> _Embeddings:
        """``client.embeddings.create(…)``: ``embedding``."""
        return _Embeddings(self)

    @property
    def moderations(self) -> _Moderations:
        """``client.moderations.create(…)``: ``moderation``."""
        return _Moderations(self)

    @property
    def images(self) -> _Images:
        """``client.images.generate(…)``, ``.edit``, ``.create_variation``."""
        return _Images(self)

    @property
    def audio(self) -> _Audio:
        """``client.audio.speech.create(…)``, ``.transcriptions``, ``.translations``."""
        return _Audio(self)

    @property
    def files(self) -> _Files:
        """``client.files.create(…)``, ``.retrieve``, ``.list``, ``.delete``, ``.content``."""
        return _Files(self)

    @property
    def batches(self) -> _Batches:
        """``client.batches.create(…)``, ``.retrieve``, ``.list``, ``.cancel``; also ``.delete`` and ``.results``."""
        return _Batches(self)

    @property
    def models(self) -> _Models:
        """``client.models.list(…)``, ``.retrieve``, ``.delete``."""
        return _Models(self)


class _ChatCompletions:
    def __init__(self, client: ChatCalls) -> None:
        self.create, self.acreate = client.completion, client.acompletion


class _Chat:
    def __init__(self, client: ChatCalls) -> None:
        self.completions = _ChatCompletions(client)


class _Completions:
    def __init__(self, client: TextCalls) -> None:
        self.create, self.acreate = client.text_completion, client.atext_completion


class _Embeddings:
    def __init__(self, client: EmbeddingCalls) -> None:
        self.create, self.acreate = client.embedding, client.aembedding


class _Moderations:
    def __init__(self, client: ModerationCalls) -> None:
        self.create, self.acreate = client.moderation, client.amoderation


class _Images:
    def __init__(self, client: ImageCalls) -> None:
        self.generate, self.agenerate = client.image_generation, client.aimage_generation
        self.edit, self.aedit = client.image_edit, client.aimage_edit
        self.create_variation = client.image_variation
        self.acreate_variation = client.aimage_variation


class _Transcriptions:
    def __init__(self, client: AudioCalls) -> None:
        self.create, self.acreate = client.transcription, client.atranscription


class _Translations:
    def __init__(self, client: AudioCalls) -> None:
        self.create, self.acreate = client.translation, client.atranslation


class _Speech:
    def __init__(self, client: AudioCalls) -> None:
        self.create, self.acreate = client.speech, client.aspeech


class _Audio:
    def __init__(self, client: AudioCalls) -> None:
        self.transcriptions = _Transcriptions(client)
        self.translations = _Translations(client)
        self.speech = _Speech(client)


class _Files:
    def __init__(self, client: FileCalls) -> None:
        self.create, self.acreate = client.create_file, client.acreate_file
        self.retrieve, self.aretrieve = client.retrieve_file, client.aretrieve_file
        self.list, self.alist = client.list_files, client.alist_files
        self.delete, self.adelete = client.delete_file, client.adelete_file
        self.content, self.acontent = client.file_content, client.afile_content


class _Batches:
    def __init__(self, client: BatchCalls) -> None:
        self.create, self.acreate = client.create_batch, client.acreate_batch
        self.retrieve, self.aretrieve = client.retrieve_batch, client.aretrieve_batch
        self.list, self.alist = client.list_batches, client.alist_batches
        self.cancel, self.acancel = client.cancel_batch, client.acancel_batch
        self.delete, self.adelete = client.delete_batch, client.adelete_batch
        self.results, self.aresults = client.batch_results, client.abatch_results


class _Models:
    def __init__(self, client: ModelCalls) -> None:
        self.list, self.alist = client.list_models, client.alist_models
        self.retrieve, self.aretrieve = client.retrieve_model, client.aretrieve_model
        self.delete, self.adelete = client.delete_model, client.adelete_model
