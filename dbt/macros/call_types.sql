{#-
  The call type of a log line: LiteLLM's `call_type` (CallTypes of LiteLLM 1.110.2) or, elsewhere, the route. Management
  calls (list tools, poll a batch, read a file) use nothing unless the line counts tokens: they cost 0, or what the line
  charges for the call.

  Rulings: docs/decisions/usage.md#usage-4
-#}

{#- Kinds without usage where no tokens are counted. -#}
{% macro managing_call_types() %}
    {{ return([
        'mcp', 'moderation', 'batch', 'file', 'fine_tuning', 'vector_store', 'container', 'assistant', 'stored_response',
        'skill', 'realtime_session', 'video_job',
    ]) }}
{% endmacro %}

{#- Kinds whose lines have the id of the requested object, not of the call: the same id at every poll. -#}
{% macro object_call_types() %}
    {{ return(['batch', 'file', 'fine_tuning', 'vector_store', 'container', 'assistant', 'stored_response', 'skill', 'video_job']) }}
{% endmacro %}

{#- LiteLLM's names by kind, without the `a` of the asynchronous ones; the most frequent first. -#}
{% macro litellm_call_types() %}
    {{ return({
        'chat': [
            'completion', 'responses', 'anthropic_messages', 'text_completion', 'generate_content', 'generate_content_stream',
            '_realtime', '_responses_websocket', 'create_interaction', 'compact_responses', 'send_message',
            'llm_passthrough_route', 'pass_through_endpoint', 'pass_through',
        ],
        'embeddings': ['embedding'],
        'image': ['image_generation', 'image_edit', 'image_variation'],
        'audio': ['transcription', 'speech'],
        'rerank': ['rerank'],
        'mcp': ['call_mcp_tool', 'list_mcp_tools'],
        'moderation': ['moderation'],
        'batch': ['create_batch', 'retrieve_batch', 'cancel_batch', 'list_batches'],
        'file': ['create_file', 'file_retrieve', 'file_delete', 'file_list', 'file_content'],
        'search': ['search'],
        'ocr': ['ocr'],
        'video': ['create_video', 'video_generation', 'video_remix', 'video_edit', 'video_extension'],
        'video_job': [
            'video_retrieve', 'video_content', 'video_list', 'video_retrieve_job', 'video_delete', 'video_create_character',
            'video_get_character',
        ],
        'vector_store': [
            'vector_store_create', 'vector_store_search', 'vector_store_retrieve', 'vector_store_list', 'vector_store_update',
            'vector_store_delete', 'vector_store_file_create', 'vector_store_file_list', 'vector_store_file_retrieve',
            'vector_store_file_content', 'vector_store_file_update', 'vector_store_file_delete', 'ingest', 'query',
        ],
        'container': [
            'create_container', 'list_containers', 'retrieve_container', 'delete_container', 'list_container_files',
            'upload_container_file', 'create_sandbox', 'delete_sandbox', 'run_code', 'code_interpreter_tool',
        ],
        'fine_tuning': [
            'create_fine_tuning_job', 'cancel_fine_tuning_job', 'list_fine_tuning_jobs', 'retrieve_fine_tuning_job',
        ],
        'assistant': [
            'get_assistants', 'create_assistants', 'delete_assistant', 'create_thread', 'get_thread', 'add_message',
            '_add_message', 'get_messages', 'run_thread', 'run_thread_stream',
        ],
        'stored_response': ['get_responses', 'delete_responses', 'cancel_responses', 'list_input_items'],
        'skill': ['create_skill', 'list_skills', 'get_skill', 'delete_skill'],
        'realtime_session': [
            'create_realtime_client_secret', 'realtime_calls', 'create_realtime_transcription_session',
            'create_realtime_translation_client_secret', 'realtime_translation_calls',
        ],
    }) }}
{% endmacro %}

{#- The kind of a LiteLLM line; a call without a type is a chat, one of a type that is not listed is `other`. -#}
{% macro litellm_call_type(call_type) -%}
    case
        when coalesce({{ call_type }}, '') = '' then 'chat'
        {%- for kind, names in litellm_call_types().items() %}
        when {{ call_type }} in (
            {%- for name in names %}
            {{- ', ' if not loop.first }}'{{ name }}', '{{ '_a' ~ name[1:] if name.startswith('_') else 'a' ~ name }}'
            {%- endfor -%}
        ) then '{{ kind }}'
        {%- endfor %}
        else 'other'
    end
{%- endmacro %}

{#- Routes of management calls, as patterns of LIKE over the lower-case path; the narrower kind first. -#}
{% macro managing_routes() %}
    {{ return([
        ['mcp', ['/mcp%', '%/mcp/%', '%/mcp-rest/%']],
        ['moderation', ['%/moderations%']],
        ['vector_store', ['%/vector_stores%']],
        ['container', ['%/containers%']],
        ['batch', ['%/batches%']],
        ['fine_tuning', ['%/fine_tuning/%', '%/fine-tunes%']],
        ['assistant', ['%/assistants%', '%/threads%']],
        ['realtime_session', ['%/realtime/client_secrets%', '%/realtime/sessions%', '%/realtime/transcription_sessions%']],
        ['file', ['%/v1/files%']],
    ]) }}
{% endmacro %}
