"""Make files of referrals as agencies send them."""

from __future__ import annotations

import io

import openpyxl

HEADER = [
    "case_no",
    "mobile",
    "masked_name",
    "card_bin",
    "card_last4",
    "hardship_reason",
    "hardship_since",
    "promises_made",
    "promises_kept",
    "contact_consent_at",
    "contact_consent_proof",
]
CHINESE = [
    "案件编号",
    "手机号",
    "姓名（脱敏）",
    "卡BIN",
    "卡号后四位",
    "困难原因",
    "困难开始日期",
    "承诺次数",
    "履约次数",
    "同意联系时间",
    "同意联系凭证",
]


def row(number=1, **changes):
    values = {
        "case_no": f"BC-{number:04d}",
        "mobile": f"139{number:08d}",
        "masked_name": "张**",
        "card_bin": "622155",
        "card_last4": "0321",
        "hardship_reason": "job_loss",
        "hardship_since": "2026-08-01",
        "promises_made": "3",
        "promises_kept": "2",
        "contact_consent_at": "2026-11-10 10:00",
        "contact_consent_proof": "call record BC-R-77",
    } | changes
    return [values[name] for name in HEADER]


def csv_text(*rows, header=HEADER, delimiter=","):
    return "\n".join(delimiter.join(map(str, line)) for line in (header, *rows))


def csv_file(*rows, **options):
    return csv_text(*rows, **options).encode()


def xlsx_file(*rows, header=HEADER, more_sheets=()):
    book = openpyxl.Workbook()
    sheet = book.active
    for line in (header, *rows):
        sheet.append(line)
    for name, state, value in more_sheets:
        other = book.create_sheet(name)
        other.sheet_state = state
        other["A1"] = value
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()
