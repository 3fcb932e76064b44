"""The root of all response models: attributes and subscripts, unknown fields kept, wrong types survived.

A provider may send anything; what it sends never raises here. No provider's knowledge.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, model_serializer
from pydantic_core import PydanticSerializationError
from typing_extensions import override

from ._shown import shown

__all__ = ["Copies", "Model", "Path", "beside", "copies", "lenient"]

_REPAIRS = 8
# As pydantic writes it where it keeps no cause: in JSON.
_CTRL_C = re.compile(r"Error calling function `\w+`: KeyboardInterrupt")
_SCALARS = (str, int, float, bool, type(None))
_new = object.__new__
_set_fields = BaseModel.__dict__["__dict__"].__set__
_set_given = BaseModel.__dict__["__pydantic_fields_set__"].__set__
_set_extra = BaseModel.__dict__["__pydantic_extra__"].__set__
_set_private = BaseModel.__dict__["__pydantic_private__"].__set__
Path = tuple[str | int, ...]
"""Where something is in a model: names of fields, and 0 for the only item of a list."""
M = TypeVar("M", bound="Model")
T = TypeVar("T")


class Model(BaseModel):
    """A part of a response: ``x.name``, ``x["name"]``, ``x.get("name")`` and ``"name" in x`` all work.

    Fields that llmkit does not know are kept and reachable in the same ways.
    """

    model_config = ConfigDict(
        extra="allow",
        protected_namespaces=(),
        arbitrary_types_allowed=True,
        # Half of the models are of streams: who reads none does not wait for them.
        defer_build=True,
        # Strings are not kept: they are answers.
        cache_strings="keys",
    )

    absent_when_none: ClassVar[frozenset[str]] = frozenset()
    """Fields beyond OpenAI's form: dumped only where they have a value."""

    def __getitem__(self, key: str) -> Any:
        extra = self.__pydantic_extra__ or {}
        if key in extra:
            return extra[key]
        if key in type(self).model_fields:
            return getattr(self, key)
        raise KeyError(key)

    def __setitem__(self, key: str, value: Any) -> None:
        setattr(self, key, value)

    def __contains__(self, key: object) -> bool:
        return key in type(self).model_fields or key in (self.__pydantic_extra__ or {})

    def get(self, key: str, default: Any = None) -> Any:
        """Return a field, or ``default`` where there is none or it is ``None``, as a dict would."""
        value = self[key] if key in self else default  # noqa: SIM401 - that is this method
        return default if value is None else value

    def keys(self) -> Iterator[str]:
        """The names of all fields, those that llmkit does not know included."""
        yield from type(self).model_fields
        yield from self.__pydantic_extra__ or {}

    def to_dict(self) -> dict[str, Any]:
        """The fields that were sent, as plain dicts and lists."""
        return self.model_dump(exclude_unset=True)

    if not TYPE_CHECKING:  # where pydantic's own signatures are what is wanted

        def model_dump(self, **options: Any) -> dict[str, Any]:
            """See ``pydantic.BaseModel``; Ctrl-C comes out as what it is."""
            return _dumped(super().model_dump, **options)

        def model_dump_json(self, **options: Any) -> str:
            """See ``pydantic.BaseModel``; Ctrl-C comes out as what it is."""
            return _dumped(super().model_dump_json, **options)

    @override
    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """What has a value (most fields of most answers have none), long ones by their size."""
        given = ((name, value) for name, value in super().__repr_args__() if value is not None)
        return ((name, shown(value)) for name, value in given)

    @override
    def __str__(self) -> str:
        """The repr: what is printed says what it is."""
        return repr(self)

    @model_serializer(mode="wrap")
    def _without_absent(self, dump: Callable[[Self], dict[str, Any]]) -> dict[str, Any]:
        data = _dumped(dump, self)
        if not isinstance(self, Model):
            # Pydantic serialises a field's default, which may be None, by the field's type.
            return data
        for name in self.absent_when_none:
            if data.get(name, ...) is None:
                del data[name]
        return data


def _dumped(dump: Callable[..., T], *given: Any, **options: Any) -> T:
    """Dump; pydantic makes an error of its own of whatever comes into a serializer, and Ctrl-C is none of its."""
    try:
        return dump(*given, **options)
    except PydanticSerializationError as error:
        came = _came(error)
    # Outside the handler, and not known here any more once it is out: neither shall know the other.
    try:
        raise came
    finally:
        del came


def _came(error: PydanticSerializationError) -> BaseException:
    cause = error.__cause__
    if cause is not None and not isinstance(cause, Exception):
        return cause
    return KeyboardInterrupt() if _CTRL_C.search(str(error)) else error


def beside(told: Model) -> dict[str, Any]:
    """What was told beyond the fields that llmkit knows, such as the amount that a call cost."""
    return dict(told.__pydantic_extra__ or {})


def lenient(model: type[M], data: Mapping[str, Any]) -> M:
    """Validate ``data``; a field whose value has a type it should not have is left at its default.

    The value is kept under ``malformed``, by its path, so that nothing is lost.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        return _repaired(model, data, error)


def _repaired(model: type[M], data: Mapping[str, Any], error: ValidationError) -> M:
    # JSON is a tree, so a copy through plain containers is safe; this path is rare.
    tree = _copy(data)
    malformed: dict[str, Any] = {}
    for _ in range(_REPAIRS):
        for problem in error.errors(include_url=False, include_context=False):
            _cut(tree, problem["loc"], malformed)
        try:
            return model.model_validate(tree | {"malformed": malformed})
        except ValidationError as again:
            error = again
    return model.model_construct(None, malformed=dict(data))


def _copy(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _copy(item) for key, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list) else value


def _cut(tree: Any, path: tuple[int | str, ...], malformed: dict[str, Any]) -> None:
    *parents, last = path
    root = tree
    for step in parents:
        try:
            tree = tree[step]
        except (KeyError, IndexError, TypeError):
            return
    if isinstance(tree, dict) and last in tree:
        malformed[".".join(map(str, path))] = tree.pop(last)
    elif isinstance(tree, list) and isinstance(last, int) and last < len(tree):
        if tree[last] == {}:
            # Nothing fits here but a scalar: the list as a whole is what cannot be read.
            _cut(root, path[:-1], malformed)
            return
        malformed[".".join(map(str, path))] = tree[last]
        tree[last] = {}


class Copies:
    """Copies of a model, each with another value at one place deep within; the rest of it are scalars.

    They are made as pydantic's validator makes models, and share nothing that can be changed.
    """

    __slots__ = ("_levels", "_second")

    def __init__(self, levels: Sequence[tuple[Any, ...]], second: str | None) -> None:
        self._levels = levels
        self._second = second

    def made(self, value: Any, second: Any = None) -> Any:
        """A copy with this value, and another one among the unknown fields."""
        for model, fields, given, extra, name, listed in self._levels:
            own = fields.copy()
            own[name] = [value] if listed else value
            value = _new(model)
            _set_fields(value, own)
            _set_given(value, given.copy())
            _set_extra(value, extra.copy())
            _set_private(value, None)
        if self._second is not None:
            value.__pydantic_extra__[self._second] = second
        return value


def copies(model: Model, path: Path, second: str | None = None) -> Copies | None:
    """What makes copies of a model that have another value at ``path``; ``None`` where it holds more than scalars."""
    levels: list[tuple[Any, ...]] = []
    steps = list(path)
    value: Any = model
    while steps:
        name = str(steps.pop(0))
        listed = steps[:1] == [0]
        level = _level(value, name, listed=listed)
        if level is None:
            return None
        levels.append(level)
        value = getattr(value, name)
        if listed:
            steps.pop(0)
            value = value[0]
    return Copies(levels[::-1], second)


def _level(value: Any, name: str, *, listed: bool) -> tuple[Any, ...] | None:
    if not isinstance(value, Model) or value.__pydantic_private__ is not None:
        return None
    if listed and len(getattr(value, name)) != 1:
        return None
    # The place is kept: a reader sees the order of the fields in a dump.
    fields = {**value.__dict__, name: None}
    extra = dict(value.__pydantic_extra__ or {})
    if not all(isinstance(one, _SCALARS) for one in (*fields.values(), *extra.values())):
        return None
    return type(value), fields, set(value.__pydantic_fields_set__), extra, name, listed
