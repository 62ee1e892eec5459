"""What each kind of break means, and what to do about it first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from disbursement.matching.kinds import BreakKind
from kernel.web.consoles import Words

MEANINGS: Final[Mapping[BreakKind, Words]] = {
    BreakKind.OURS_ONLY: (
        "账本记为已付，但可能包含它的清算文件均无此笔。先向渠道查询该订单，再决定更正账本或追索。",
        "Paid by our books, and every file that could hold it does not. Ask the channel about the order first.",
    ),
    BreakKind.CHANNEL_ONLY: (
        "渠道已付而账本没有，钱可能付了两次。请立即向渠道核实并要求追回。",
        "Paid by the channel and unknown here: money may have gone out twice. Ask the channel at once.",
    ),
    BreakKind.AMOUNT: (
        "同一笔付款，渠道的金额与账本不同。核对渠道回单后决定以哪一方为准。",
        "One payment, two amounts. Compare the channel's receipt before deciding which stands.",
    ),
    BreakKind.STATUS: (
        "账本记为失败或未决，渠道记为已付。切勿重新付款；先核实。",
        "Failed or undecided here, paid there. Never pay anew; find out first.",
    ),
    BreakKind.UNRESOLVED: (
        "付款结果未知，且尚无文件包含它。系统会继续查询；次日文件仍无则按规则判定。",
        "The outcome is unknown and no file has it yet. The system keeps asking; the next file decides.",
    ),
    BreakKind.PAID_TWICE: (
        "同一订单号有两笔渠道付款。请要求渠道退回其中一笔。",
        "One order number, two payments. Ask the channel to return one.",
    ),
    BreakKind.DUPLICATE_ROW: (
        "渠道文件把同一笔付款列了两次，实际只付一次。请渠道更正文件。",
        "The file lists one payment twice; it was paid once. Ask for a corrected file.",
    ),
    BreakKind.RETURNED: (
        "付款成功后款项又退回，账本已冲回。确认原因后可重新发起。",
        "The money came back after the payment and the books follow it. Pay anew once the cause is known.",
    ),
    BreakKind.RETURN_UNKNOWN: (
        "渠道退回了一笔账本没有或未付成功的款项。查明来源后再入账。",
        "Money came back for a payment the books do not have as paid. Find its source first.",
    ),
    BreakKind.RE_PRESENTED: (
        "已退回的付款再次出现在文件中。请渠道说明是否又付了一次。",
        "A payment that had come back is listed again. Ask the channel whether it was paid again.",
    ),
    BreakKind.CUTOFF: (
        "结算日与预期不同，多因 23:00 切换或节假日。金额相符时通常以账本为准。",
        "It settled on another day than expected, mostly because of the 23:00 cut-off or a holiday.",
    ),
    BreakKind.FEE: (
        "渠道收取的手续费与约定不同。请按合同费率与渠道核对。",
        "The fee is not the agreed one. Check it against the contract with the channel.",
    ),
    BreakKind.NET_OF_FEE: (
        "渠道把本金与手续费合并为一笔划款，金额须拆开核对。",
        "Principal and fee were moved in one sum and must be told apart.",
    ),
    BreakKind.PAYEE: (
        "渠道付到了另一张卡。请立即向渠道核实并追回。",
        "The channel paid another card. Ask the channel at once and claim the money back.",
    ),
    BreakKind.UNKNOWN_ROW: (
        "文件中有一行既不是付款也不是退回。请渠道说明该交易代码。",
        "A row of the file is neither a payment nor a return. Ask what its code means.",
    ),
    BreakKind.BANK_TOTAL: (
        "银行划出的合计与渠道文件不等。核对对账单与当日文件是否齐全。",
        "The bank moved another sum than the file gives. See whether statement and file are complete.",
    ),
    BreakKind.BANK_ONLY: (
        "对账单上有一笔无法解释的流水。查明后记账或退回。",
        "Nothing explains this line of the statement. Find out, then book or return it.",
    ),
    BreakKind.FUNDING: (
        "注资只在一方有记录。请放款机构确认日期与金额。",
        "A deposit is known to one side only. Have the funder confirm day and amount.",
    ),
    BreakKind.TRANSFER: (
        "有人向我方账户转账，附言不对应任何贷款，款项在暂收科目。由一人认定归属、另一人确认后入账。",
        "Somebody transferred money and named no loan; it stands in suspense. One person says whose it is, another agrees.",
    ),
    BreakKind.VALUE_DATE: (
        "银行起息日不是过账日或结算日，利息可能受影响。",
        "The bank's value date is neither the day of posting nor the settlement day.",
    ),
    BreakKind.BALANCE: (
        "账户当日变动与账本不同，且没有其他差异可以解释。",
        "The account moved otherwise than the books, and no other break explains it.",
    ),
    BreakKind.FILE_MISSING: (
        "该日文件到时未到。系统会继续获取，也可在“对账单”页面上传。",
        "The day's file has not come in time. The system keeps asking; it can be uploaded as well.",
    ),
    BreakKind.FILE_HELD: (
        "同一日收到内容不同的第二份文件，或该日已签核。须一人说明、另一人裁定采用哪一份。",
        "A second, different file came for the day, or the day is signed. Two persons decide which counts.",
    ),
    BreakKind.FILE_REFUSED: (
        "文件不完整或合计不符，未采用其中任何一行。请重新获取或上传完整文件。",
        "The file is not whole or its totals do not tie, so no row of it counts. Get a whole one.",
    ),
}
