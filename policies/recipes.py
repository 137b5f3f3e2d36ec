"""Scripts that the remedies of several checks share."""

# $setting of the host becomes $value.
HOST_OPTION = """
$esx = Get-VMHost -Server $server -Id $id
$entry = Get-AdvancedSetting -Entity $esx -Server $server | Where-Object Name -eq $setting
if (-not $entry) { throw "$($esx.Name) has no setting $setting" }
if (Confirm-Change "set $setting of $($esx.Name) from $($entry.Value) to $value") {
    Set-AdvancedSetting -AdvancedSetting $entry -Value $value
}
"""
# $setting of the management platform becomes $value.
PLATFORM_OPTION = """
$entry = Get-AdvancedSetting -Entity $server -Server $server | Where-Object Name -eq $setting
if (-not $entry) { throw "$($server.Name) has no setting $setting" }
if (Confirm-Change "set $setting of $($server.Name) from $($entry.Value) to $value") {
    Set-AdvancedSetting -AdvancedSetting $entry -Value $value
}
"""
# The custom attribute $attribute becomes $value. The cmdlets for it know no templates.
ATTRIBUTE = """
$target = Get-View -Server $server -Id $id
$fields = Get-View -Server $server -Id $server.ExtensionData.Content.CustomFieldsManager
$field = $fields.Field | Where-Object {
    $_.Name -eq $attribute -and $_.ManagedObjectType -in $null, 'VirtualMachine'
}
if (-not $field) { throw "there is no custom attribute $attribute for machines" }
if (Confirm-Change "set $attribute of $($target.Name) to $value") {
    $fields.SetField($target.MoRef, $field.Key, $value)
}
"""
# The service $service is stopped and no longer starts by itself.
STOP_SERVICE = """
$esx = Get-VMHost -Server $server -Id $id
$daemon = Get-VMHostService -VMHost $esx -Server $server | Where-Object Key -eq $service
if (-not $daemon) { throw "$($esx.Name) has no service $service" }
if (Confirm-Change "stop $service of $($esx.Name) and start it by hand only") {
    if ($daemon.Running) { $null = Stop-VMHostService -HostService $daemon }
    Set-VMHostService -HostService $daemon -Policy Off
}
"""
# Finds the grant, as $grant on $object, through $authorization.
FIND_GRANT = """
$authorization = Get-View -Server $server -Id $server.ExtensionData.Content.AuthorizationManager
$object = Get-View -Server $server -Id $entity_id
$all = $authorization.RetrieveEntityPermissions($object.MoRef, $false)
$grant = $all | Where-Object {
    $_.Principal -eq $principal -and $_.RoleId -eq $role_id -and [int] $_.Group -eq $is_group
}
if (-not $grant) { throw "$principal no longer holds the role on $($object.Name)" }
"""
REMOVE_GRANT = """
if (Confirm-Change "take from $principal the role $role_id on $($object.Name)") {
    $authorization.RemoveEntityPermission($object.MoRef, $grant.Principal, $grant.Group)
}
"""
# What can be changed only while the machine is off.
POWERED_OFF = """
$vm = Get-VM -Server $server -Id $id
if ($vm.PowerState -ne 'PoweredOff') { throw "$($vm.Name) must be shut down first" }
"""
# A new address from the platform for the adapter $card.
NEW_ADDRESS = """
if (-not $card) { throw "$($vm.Name) no longer has that network adapter" }
if (Confirm-Change "replace the address $($card.MacAddress) of $($vm.Name) by a new one") {
    $device = $card.ExtensionData
    $device.AddressType = 'assigned'
    $device.MacAddress = ''
    $edit = New-Object VMware.Vim.VirtualDeviceConfigSpec
    $edit.Operation = 'edit'
    $edit.Device = $device
    $spec = New-Object VMware.Vim.VirtualMachineConfigSpec
    $spec.DeviceChange = @($edit)
    $vm.ExtensionData.ReconfigVM($spec)
}
"""

# What the cmdlets call the settings of a switch or port group.
SECURITY_PARAMETERS = {
    "promiscuous": "AllowPromiscuous",
    "mac_changes": "MacChanges",
    "forged_transmits": "ForgedTransmits",
}
