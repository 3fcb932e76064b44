"""The request's messages and enumerations, as tables: name, fields, kinds. Data only, and its reading.

Source: the v1beta reference in its machine-readable form (https://ai.google.dev/api/generate-content, read
2026-11-22) and, for `_VERTEX`, the types of `google-genai` 3.4.0 and recorded traffic of Vertex AI.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

__all__ = ["ENUMS", "ONE_OF", "SCALARS", "Field", "fields_of"]

# The kinds that are neither a message nor an enumeration. `any` is a JSON value, `struct` a JSON object.
SCALARS: Final = frozenset(
    {"any", "bool", "bytes", "double", "float", "int32", "int64", "string", "struct"}
)


class Field(NamedTuple):
    """One field's kind; *repeated* is a list of it, *mapped* an object with values of it."""

    kind: str
    repeated: bool = False
    mapped: bool = False


# message -> "name:kind"; * before a kind makes a list of it, % a map.
_MESSAGES: Final[Mapping[str, str]] = {
    "GenerateContentRequest": (
        "model:string contents:*Content systemInstruction:Content tools:*Tool toolConfig:ToolConfig "
        "safetySettings:*SafetySetting generationConfig:GenerationConfig cachedContent:string "
        "store:bool serviceTier:ServiceTier"
    ),
    "CountTokensRequest": (
        "model:string contents:*Content generateContentRequest:GenerateContentRequest"
    ),
    "Content": "role:string parts:*Part",
    "Part": (
        "text:string thought:bool thoughtSignature:bytes inlineData:Blob fileData:FileData "
        "functionCall:FunctionCall functionResponse:FunctionResponse executableCode:ExecutableCode "
        "codeExecutionResult:CodeExecutionResult toolCall:ToolCall toolResponse:ToolResponse "
        "videoMetadata:VideoMetadata mediaResolution:Part.MediaResolution "
        "mediaProcessing:Part.MediaProcessing partMetadata:struct"
    ),
    "Blob": "mimeType:string data:bytes",
    "FileData": "mimeType:string fileUri:string",
    "FunctionCall": "id:string name:string args:struct",
    "FunctionResponse": (
        "id:string name:string response:struct parts:*FunctionResponsePart willContinue:bool "
        "scheduling:FunctionResponse.Scheduling"
    ),
    "FunctionResponsePart": "inlineData:Blob",
    "ExecutableCode": "id:string language:ExecutableCode.Language code:string",
    "CodeExecutionResult": "id:string outcome:CodeExecutionResult.Outcome output:string",
    "ToolCall": "id:string toolName:string toolType:ToolType args:struct",
    "ToolResponse": "id:string toolType:ToolType response:struct",
    "VideoMetadata": "startOffset:string endOffset:string fps:double",
    "Part.MediaResolution": "level:Part.MediaResolution.Level",
    "Tool": (
        "functionDeclarations:*FunctionDeclaration googleSearch:GoogleSearch "
        "googleSearchRetrieval:GoogleSearchRetrieval codeExecution:Empty urlContext:Empty "
        "fileSearch:FileSearch googleMaps:GoogleMaps computerUse:ComputerUse mcpServers:*McpServer"
    ),
    "FunctionDeclaration": (
        "name:string description:string behavior:FunctionDeclaration.Behavior parameters:Schema "
        "parametersJsonSchema:any response:Schema responseJsonSchema:any"
    ),
    "Empty": "",
    "GoogleSearch": "timeRangeFilter:Interval searchTypes:SearchTypes",
    "Interval": "startTime:string endTime:string",
    "SearchTypes": "webSearch:Empty imageSearch:Empty",
    "GoogleSearchRetrieval": "dynamicRetrievalConfig:DynamicRetrievalConfig",
    "DynamicRetrievalConfig": "mode:DynamicRetrievalConfig.Mode dynamicThreshold:float",
    "FileSearch": "fileSearchStoreNames:*string metadataFilter:string topK:int32",
    "GoogleMaps": "enableWidget:bool",
    "ComputerUse": (
        "environment:ComputerUse.Environment excludedPredefinedFunctions:*string "
        "enablePromptInjectionDetection:bool disabledSafetyPolicies:*string"
    ),
    "McpServer": "name:string streamableHttpTransport:StreamableHttpTransport",
    "StreamableHttpTransport": (
        "url:string headers:%string timeout:string sseReadTimeout:string terminateOnClose:bool"
    ),
    "ToolConfig": (
        "functionCallingConfig:FunctionCallingConfig retrievalConfig:RetrievalConfig "
        "includeServerSideToolInvocations:bool"
    ),
    "FunctionCallingConfig": "mode:FunctionCallingConfig.Mode allowedFunctionNames:*string",
    "RetrievalConfig": "latLng:LatLng languageCode:string",
    "LatLng": "latitude:double longitude:double",
    "SafetySetting": "category:HarmCategory threshold:SafetySetting.HarmBlockThreshold",
    "GenerationConfig": (
        "candidateCount:int32 stopSequences:*string maxOutputTokens:int32 temperature:float topP:float "
        "topK:int32 seed:int32 presencePenalty:float frequencyPenalty:float responseMimeType:string "
        "responseSchema:Schema responseJsonSchema:any responseFormat:struct responseLogprobs:bool "
        "logprobs:int32 responseModalities:*GenerationConfig.Modality speechConfig:SpeechConfig "
        "thinkingConfig:ThinkingConfig imageConfig:ImageConfig mediaResolution:MediaResolution "
        "enableEnhancedCivicAnswers:bool enableAffectiveDialog:bool translationConfig:struct "
        "audioTranscriptionConfig:struct"
    ),
    "SpeechConfig": (
        "voiceConfig:VoiceConfig multiSpeakerVoiceConfig:MultiSpeakerVoiceConfig languageCode:string"
    ),
    "VoiceConfig": "prebuiltVoiceConfig:PrebuiltVoiceConfig",
    "PrebuiltVoiceConfig": "voiceName:string",
    "MultiSpeakerVoiceConfig": "speakerVoiceConfigs:*SpeakerVoiceConfig",
    "SpeakerVoiceConfig": "speaker:string voiceConfig:VoiceConfig",
    "ThinkingConfig": (
        "includeThoughts:bool thinkingBudget:int32 thinkingLevel:ThinkingConfig.ThinkingLevel"
    ),
    "ImageConfig": "aspectRatio:string imageSize:string",
    "Schema": (
        "type:Type format:string title:string description:string nullable:bool enum:*string "
        "items:Schema minItems:int64 maxItems:int64 properties:%Schema propertyOrdering:*string "
        "required:*string minProperties:int64 maxProperties:int64 minimum:double maximum:double "
        "minLength:int64 maxLength:int64 pattern:string example:any anyOf:*Schema default:any"
    ),
}

# What Vertex AI's messages have besides.
_VERTEX: Final[Mapping[str, str]] = {
    "GenerateContentRequest": "labels:%string modelArmorConfig:struct",
    "CountTokensRequest": (
        "instances:*any systemInstruction:Content tools:*Tool generationConfig:GenerationConfig"
    ),
    "GenerationConfig": "audioTimestamp:bool routingConfig:struct modelConfig:struct",
    "Schema": "ref:string defs:%Schema additionalProperties:any",
    "SafetySetting": "method:SafetySetting.HarmBlockMethod",
    "FunctionCallingConfig": "streamFunctionCallArguments:bool",
    "Tool": "retrieval:struct enterpriseWebSearch:struct",
    "GoogleSearch": "excludeDomains:*string blockingConfidence:string",
    "Blob": "displayName:string",
    "FileData": "displayName:string",
    "FunctionResponsePart": "fileData:FileData",
}

# Enumeration -> its values without the one for "unspecified", which `ENUMS` adds.
_VALUES: Final[Mapping[str, str]] = {
    "Type": "STRING NUMBER INTEGER BOOLEAN ARRAY OBJECT NULL",
    "ServiceTier": "STANDARD FLEX PRIORITY",
    "HarmCategory": (
        "HARM_CATEGORY_DEROGATORY HARM_CATEGORY_TOXICITY HARM_CATEGORY_VIOLENCE HARM_CATEGORY_SEXUAL "
        "HARM_CATEGORY_MEDICAL HARM_CATEGORY_DANGEROUS HARM_CATEGORY_HARASSMENT "
        "HARM_CATEGORY_HATE_SPEECH HARM_CATEGORY_SEXUALLY_EXPLICIT HARM_CATEGORY_DANGEROUS_CONTENT "
        "HARM_CATEGORY_CIVIC_INTEGRITY HARM_CATEGORY_JAILBREAK"
    ),
    "SafetySetting.HarmBlockThreshold": (
        "BLOCK_LOW_AND_ABOVE BLOCK_MEDIUM_AND_ABOVE BLOCK_ONLY_HIGH BLOCK_NONE OFF"
    ),
    "SafetySetting.HarmBlockMethod": "SEVERITY PROBABILITY",
    "MediaResolution": "MEDIA_RESOLUTION_LOW MEDIA_RESOLUTION_MEDIUM MEDIA_RESOLUTION_HIGH",
    "Part.MediaResolution.Level": (
        "MEDIA_RESOLUTION_LOW MEDIA_RESOLUTION_MEDIUM MEDIA_RESOLUTION_HIGH "
        "MEDIA_RESOLUTION_ULTRA_HIGH"
    ),
    "Part.MediaProcessing": "STATIC AGENTIC",
    "GenerationConfig.Modality": "TEXT IMAGE AUDIO VIDEO",
    "ThinkingConfig.ThinkingLevel": "MINIMAL LOW MEDIUM HIGH",
    "FunctionCallingConfig.Mode": "AUTO ANY NONE VALIDATED",
    "FunctionDeclaration.Behavior": "BLOCKING NON_BLOCKING",
    "FunctionResponse.Scheduling": "SILENT WHEN_IDLE INTERRUPT",
    "ExecutableCode.Language": "PYTHON",
    "CodeExecutionResult.Outcome": "OUTCOME_OK OUTCOME_FAILED OUTCOME_DEADLINE_EXCEEDED",
    "ToolType": "GOOGLE_SEARCH_WEB GOOGLE_SEARCH_IMAGE URL_CONTEXT GOOGLE_MAPS FILE_SEARCH",
    "DynamicRetrievalConfig.Mode": "MODE_DYNAMIC",
    "ComputerUse.Environment": "ENVIRONMENT_BROWSER ENVIRONMENT_MOBILE ENVIRONMENT_DESKTOP",
}

# Enumeration -> its names in the order of their numbers; 0 is "unspecified", under whatever prefix.
ENUMS: Final[Mapping[str, tuple[str, ...]]] = {
    name: ("UNSPECIFIED", *values.split()) for name, values in _VALUES.items()
}

# message -> the name of a group and its fields: at most one of these may be set.
ONE_OF: Final[Mapping[str, tuple[str, frozenset[str]]]] = {
    "Part": (
        "data",
        frozenset({
            "text", "inlineData", "fileData", "functionCall", "functionResponse", "executableCode",
            "codeExecutionResult", "toolCall", "toolResponse",
        }),
    ),
}  # fmt: skip


def _field(kind: str) -> Field:
    return Field(kind.lstrip("*%"), kind.startswith("*"), kind.startswith("%"))


def _fields(text: str) -> dict[str, Field]:
    pairs = (pair.split(":") for pair in text.split())
    return {name: _field(kind) for name, kind in pairs}


_STUDIO_FIELDS: Final = {name: _fields(text) for name, text in _MESSAGES.items()}
_VERTEX_FIELDS: Final = {
    name: fields | _fields(_VERTEX.get(name, "")) for name, fields in _STUDIO_FIELDS.items()
}


def fields_of(message: str, *, vertex: bool) -> Mapping[str, Field] | None:
    """The fields of *message* by their camel-case names; None if it is no message."""
    return (_VERTEX_FIELDS if vertex else _STUDIO_FIELDS).get(message)
