-- Fails if an item counts as matched although its money differs by more than the tolerance, comes in another currency,
-- was refunded or is disputed.

with items as (
    select * from {{ ref('recon_invoice_payments') }}
)

select * from items
where
    status in ('matched', 'matched_metadata_missing', 'matched_with_tolerance')
    and (
        difference_minor is null
        or abs(difference_minor) > tolerance_minor
        or currency <> paid_currency
        or has_refund
        or has_dispute
    )
