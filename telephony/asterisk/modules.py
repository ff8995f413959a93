"""Which Asterisk modules the line needs, in the order they are loaded (`autoload=no`).

The list is part of the cache's key: changing it builds the program anew. Some entries are there only because
others need them: func_periodic_hook, app_chanspy, func_cut, func_groupcount and func_uri for app_mixmonitor;
res_websocket_client for chan_websocket and ARI; res_rtp_multicast for chan_rtp; res_cdrel_custom for cel_custom.
"""

from __future__ import annotations

CORE = (
    "res_timing_timerfd",
    "res_sorcery_config",
    "res_sorcery_memory",
    "res_sorcery_astdb",
    "res_pjproject",
    "res_crypto",
    "res_http_websocket",
    "res_websocket_client",
    "res_srtp",
    # Formats come before music on hold, which skips files of a format it does not know yet.
    "format_wav",
    "format_pcm",
    "format_sln",
    "codec_alaw",
    "codec_ulaw",
    "codec_a_mu",
    "codec_g722",
    "codec_resample",
    "res_musiconhold",
    "res_rtp_asterisk",
)
SIP = (
    "res_pjsip",
    "res_pjsip_session",
    "res_pjsip_sdp_rtp",
    "res_pjsip_authenticator_digest",
    "res_pjsip_outbound_authenticator_digest",
    "res_pjsip_endpoint_identifier_ip",
    "res_pjsip_endpoint_identifier_user",
    "res_pjsip_endpoint_identifier_anonymous",
    "res_pjsip_registrar",
    "res_pjsip_pubsub",
    "res_pjsip_caller_id",
    "res_pjsip_diversion",
    "res_pjsip_dtmf_info",
    "res_pjsip_header_funcs",
    "res_pjsip_nat",
    "res_pjsip_refer",
    "res_pjsip_rfc3326",
    "res_pjsip_path",
    "res_pjsip_logger",
    "res_pjsip_transport_websocket",
    "func_pjsip_endpoint",
    "func_pjsip_aor",
    "func_pjsip_contact",
    "chan_pjsip",
)
BRIDGES = (
    "bridge_simple",
    "bridge_softmix",
    "bridge_holding",
    "bridge_native_rtp",
    "bridge_builtin_features",
    "bridge_builtin_interval_features",
    "chan_bridge_media",
)
ARI = (
    "res_stasis",
    "res_stasis_answer",
    "res_stasis_playback",
    "res_stasis_recording",
    "res_stasis_snoop",
    "res_stasis_device_state",
    "res_ari_model",
    "res_ari",
    "res_ari_applications",
    "res_ari_asterisk",
    "res_ari_bridges",
    "res_ari_channels",
    "res_ari_device_states",
    "res_ari_endpoints",
    "res_ari_events",
    "res_ari_playbacks",
    "res_ari_recordings",
    "res_ari_sounds",
    "app_stasis",
    "res_stasis_broadcast",
    "app_stasis_broadcast",
    "res_rtp_multicast",
    "chan_rtp",
    "chan_websocket",
)
DIALPLAN = (
    "pbx_config",
    "func_periodic_hook",
    "app_chanspy",
    "func_cut",
    "func_groupcount",
    "func_uri",
    "func_callerid",
    "res_clioriginate",  # `channel redirect`: out of whatever a dead line plays or records (ivr/rescue.py)
    "func_channel",
    "func_strings",
    "func_logic",
    "func_hangupcause",
    "func_timeout",
    "func_talkdetect",
    "func_global",
    "func_devstate",
    "func_env",
    "func_volume",
    "func_jitterbuffer",
    "app_stack",
    "app_exec",
    "app_dial",
    "app_echo",
    "app_playback",
    "app_senddtmf",
    "app_userevent",
    "app_verbose",
    "app_mixmonitor",
)
BOOKS = ("cdr_csv", "res_cdrel_custom", "cel_custom")

NEEDED = CORE + SIP + BRIDGES + ARI + DIALPLAN + BOOKS

# Welcome, but not every distribution builds them.
WELCOME = ("res_format_attr_opus", "codec_opus_open_source")
