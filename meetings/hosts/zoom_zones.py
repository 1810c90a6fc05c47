"""The time zones that Zoom knows. What happens outside of them changes from year to year.

Reference: https://developers.zoom.us/docs/api/references/abbreviations/
"""

_NAMES = """
Pacific/Midway Pacific/Pago_Pago Pacific/Honolulu Pacific/Port_Moresby Pacific/Noumea Pacific/Fiji
Pacific/Auckland Pacific/Apia
America/Anchorage America/Vancouver America/Los_Angeles America/Tijuana America/Edmonton America/Denver
America/Phoenix America/Mazatlan America/Winnipeg America/Regina America/Chicago America/Mexico_City
America/Guatemala America/El_Salvador America/Managua America/Costa_Rica America/Montreal America/New_York
America/Indianapolis America/Panama America/Bogota America/Lima America/Halifax America/Puerto_Rico
America/Caracas America/Santiago America/St_Johns America/Montevideo America/Araguaina
America/Argentina/Buenos_Aires America/Godthab America/Sao_Paulo America/Tegucigalpa Canada/Atlantic
Atlantic/Azores Atlantic/Cape_Verde Atlantic/Reykjavik UTC Etc/Greenwich
Europe/Belgrade Europe/Dublin Europe/London Europe/Lisbon Europe/Oslo Europe/Copenhagen Europe/Brussels
Europe/Berlin Europe/Helsinki Europe/Amsterdam Europe/Rome Europe/Stockholm Europe/Vienna Europe/Luxembourg
Europe/Paris Europe/Zurich Europe/Madrid Europe/Warsaw Europe/Prague Europe/Budapest Europe/Sofia
Europe/Istanbul Europe/Athens Europe/Bucharest Europe/Moscow Europe/Kiev
Africa/Casablanca Africa/Nouakchott Africa/Bangui Africa/Algiers Africa/Tunis Africa/Harare Africa/Nairobi
Africa/Tripoli Africa/Cairo Africa/Johannesburg Africa/Khartoum Africa/Djibouti Africa/Mogadishu
Asia/Nicosia Asia/Beirut Asia/Damascus Asia/Jerusalem Asia/Amman Asia/Baghdad Asia/Kuwait Asia/Riyadh
Asia/Bahrain Asia/Qatar Asia/Aden Asia/Tehran Asia/Dubai Asia/Muscat Asia/Baku Asia/Kabul Asia/Yekaterinburg
Asia/Tashkent Asia/Calcutta Asia/Kolkata Asia/Kathmandu Asia/Novosibirsk Asia/Almaty Asia/Dacca Asia/Dhaka
Asia/Krasnoyarsk Asia/Bangkok Asia/Saigon Asia/Jakarta Asia/Irkutsk Asia/Shanghai Asia/Hong_Kong Asia/Taipei
Asia/Kuala_Lumpur Asia/Singapore Asia/Yakutsk Asia/Seoul Asia/Tokyo Asia/Vladivostok Asia/Magadan
Asia/Kamchatka
Australia/Perth Australia/Darwin Australia/Adelaide Australia/Brisbane Australia/Sydney Australia/Hobart
"""
ZONES = frozenset(_NAMES.split())
